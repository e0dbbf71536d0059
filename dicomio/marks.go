package dicomio

import (
	"math"
	"strconv"
	"strings"
)

// marks reads what tells the volumes of one series apart.
func (p parsed) marks() marks {
	m := marks{
		imageType: plainText(strings.Join(p.Texts(0x00080008), "/")),
		kernel:    plainText(strings.Join(p.Texts(0x00181210), "/")),
		temporal:  plainText(p.Text(0x00200100)),
		stack:     plainText(p.Text(0x00209056)),
	}
	if v, ok := p.numbers(0x00180060, 1, 1e4); ok && v[0] > 0 {
		m.voltage = v[0]
	}
	if v, ok := p.numbers(0x00180050, 1, 1e4); ok && v[0] > 0 {
		m.thickness = v[0]
	}
	number := func(tag uint32) float64 {
		if v, ok := p.numbers(tag, 1, 1e12); ok {
			return v[0]
		}
		return math.NaN()
	}
	m.clock = [clocks]float64{
		clockAcquisition: number(0x00200012),
		clockTime:        p.acquired(),
		clockTrigger:     number(0x00181060),
		clockContent:     timeOfDay(p.Text(0x00080033)),
		clockInstance:    number(0x00200013),
	}
	return m
}

// acquired is when an image was acquired, in seconds of no particular origin;
// NaN where it does not say.
func (p parsed) acquired() float64 {
	if dt := p.Text(0x0008002A); len(dt) >= 8 { // YYYYMMDDHHMMSS.FFFFFF&ZZXX
		dt, _, _ = strings.Cut(dt, "+")
		dt, _, _ = strings.Cut(dt, "-")
		if t := day(dt[:min(8, len(dt))]) + timeOfDay(dt[min(8, len(dt)):]); !math.IsNaN(t) {
			return t
		}
	}
	t := timeOfDay(p.Text(0x00080032))
	if d := day(p.Text(0x00080022)); !math.IsNaN(d) {
		t += d
	}
	return t
}

// day counts the seconds up to a date (DA), with months of 31 days: only the
// order counts.
func day(da string) float64 {
	da = strings.ReplaceAll(da, ".", "")
	n, err := strconv.ParseUint(da, 10, 32)
	if err != nil || len(da) != 8 {
		return math.NaN()
	}
	return float64((n/10000*12+n/100%100)*31+n%100) * 86400
}

// timeOfDay reads a time (TM, PS3.5 section 6.2), in seconds.
func timeOfDay(tm string) float64 {
	tm = strings.ReplaceAll(tm, ":", "")
	whole, _, _ := strings.Cut(tm, ".")
	v, err := strconv.ParseFloat(tm, 64)
	if err != nil || len(whole) < 2 || len(whole) > 6 || strings.Trim(whole, "0123456789") != "" {
		return math.NaN()
	}
	for range (6 - len(whole)) / 2 {
		v *= 100
	}
	hms := math.Floor(v)
	return math.Floor(hms/10000)*3600 + math.Mod(math.Floor(hms/100), 100)*60 + math.Mod(hms, 100) + v - hms
}

// plainText keeps of a coded text what may stand in a warning, at most 64
// characters.
func plainText(text string) string {
	text = strings.ToUpper(strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return -1
		}
		return r
	}, text))
	return strings.Clone(strings.TrimSpace(text[:min(len(text), 64)]))
}

// number is the InstanceNumber; 0 where the image has none that is one.
func (m marks) number() int {
	n := m.clock[clockInstance]
	if !(n > 0 && n <= math.MaxInt32) || n != math.Trunc(n) {
		return 0
	}
	return int(n)
}
