// Package background makes this process give way to others.
package background

// Enter lowers the priority of the whole process, all of its threads, and says in
// words what was done. There is no way back: it is for a process that works for
// hours beside one that has to answer.
//
//   - linux: the scheduling class SCHED_IDLE, which gets the processor where nobody
//     else wants it, and nice 19; nice 19 alone where the class is not permitted
//   - windows: the priority class IDLE_PRIORITY_CLASS
//   - others: nice 19
func Enter() (string, error) { return enter() }
