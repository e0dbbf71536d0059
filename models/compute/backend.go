package compute

// Backend is a machine that runs programs: the processor (package cpu) or a
// graphics card (package gpu). It is safe for concurrent use.
type Backend interface {
	// Build makes a program ready to run.
	Build(p *Program) (Executable, error)
	// Machine says what the programs are run on.
	Machine() Machine
	// Lanes is how many runs may be under way at once, each of a plan of its
	// own, so that the copies of one overlap the kernels of another; 1 where
	// that gains nothing, or where the memory for further plans is short.
	Lanes() int
	// Alive is false once the machine has failed: then nothing is run there.
	Alive() bool
	// Failed is told that a program could not be built or run, and that the
	// next back end of the plan's list does its work.
	Failed(err error)
}

// Executable is a program on a back end. It is used by one goroutine at a time.
type Executable interface {
	Input(name string) []float32 // host memory that every run reads
	Output(i int) []float32      // host memory that every run writes
	Kept(i int) []float32        // see Loop
	Run() error
	// Repeat runs the rounds of the program's Loop. tell is told now and then
	// how many are done; its error ends the loop and is returned.
	Repeat(tell func(done int) error) error
	// Hold leaves parameters and moments of a training program on the machine
	// between runs. Where they lie in the host's memory anyway it does nothing.
	Hold()
	// Fetch copies what is held to the host.
	Fetch() error
	// FLOPs that a run needs, without those on borders and padding.
	FLOPs() int
	Release()
}

// Float32 is the precision of the processor, and of cards that have no other.
const Float32 = "float32"

// Processor is the Device of the processor's Machine.
const Processor = "cpu"

// Machine is what computes, as a result tells it. Scores of different machines
// differ by rounding.
type Machine struct {
	Device    string // Processor, or a card such as "cuda:0"
	Name      string // of the card, or the kernels of the processor such as "avx512"
	Precision string // of products and sums, such as Float32
}

// String is the machine on one line.
func (m Machine) String() string { return m.Device + " " + m.Name + " " + m.Precision }
