package plugintest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// FollowClock has the wall clock of this process be that of the machine and the seconds
// that a file of [NewClock] holds, from now on and whatever they become. Code of this
// process reads the clock from the kernel's page of code for that (the vDSO), whose
// function is led astray here. So all of it sees the clock jump: no part has to be made for
// that. As at a real jump the monotonic clock goes on, and with it timers and timeouts. What
// the kernel writes itself, such as the times of files, does not jump.
func FollowClock(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	shift, err := unix.Mmap(int(f.Fd()), 0, clockBytes, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map the shift of the clock: %w", err)
	}
	code, err := unix.Mmap(-1, 0, unix.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return fmt.Errorf("make room for code: %w", err)
	}
	copy(code, shiftedClock(address(shift)))
	if err := unix.Mprotect(code, unix.PROT_READ|unix.PROT_EXEC); err != nil {
		return fmt.Errorf("make code: %w", err)
	}
	memory, err := os.OpenFile("/proc/self/mem", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer memory.Close()
	place, err := clockFunction(memory)
	if err != nil {
		return err
	}
	jump := binary.LittleEndian.AppendUint64([]byte{0x49, 0xbb}, uint64(address(code))) // movabs r11, code
	jump = append(jump, 0x41, 0xff, 0xe3)                                               // jmp r11
	// All at once: a loop that holds others up until the rest is written would hold up this
	// thread, too, where the scheduler asks for the time on its way back from the first write.
	if _, err := memory.WriteAt(jump, place); err != nil {
		return fmt.Errorf("change the clock's code: %w", err)
	}
	return nil
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// shiftedClock is clock_gettime with seconds added to those of the wall clock.
func shiftedClock(shift uintptr) []byte {
	code := []byte{
		0xb8, 0xe4, 0, 0, 0, // mov eax, 228: clock_gettime
		0x0f, 0x05, // syscall
		0x85, 0xc0, 0x75, 0x14, // test eax, eax; jne end
		0x85, 0xff, 0x75, 0x10, // test edi, edi; jne end: not CLOCK_REALTIME
		0x49, 0xb8, // movabs r8, shift
	}
	code = binary.LittleEndian.AppendUint64(code, uint64(shift))
	return append(code,
		0x49, 0x8b, 0x10, // mov rdx, [r8]
		0x48, 0x01, 0x16, // add [rsi], rdx
		0xc3, // end: ret
	)
}

// clockFunction is where the kernel's function is in this process.
func clockFunction(memory io.ReaderAt) (int64, error) {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(maps)) {
		var from, to int64
		if !strings.HasSuffix(strings.TrimSpace(line), "[vdso]") {
			continue
		}
		if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err != nil {
			return 0, err
		}
		text := make([]byte, to-from)
		if _, err := memory.ReadAt(text, from); err != nil {
			return 0, err
		}
		image, err := elf.NewFile(bytes.NewReader(text))
		if err != nil {
			return 0, err
		}
		symbols, err := image.DynamicSymbols()
		if err != nil {
			return 0, err
		}
		for _, s := range symbols {
			if s.Name == "__vdso_clock_gettime" {
				return from + int64(s.Value), nil
			}
		}
	}
	return 0, errors.New("the kernel has no code for the clock in this process")
}
