// Package refresh keeps registry credentials alive: it asks for new ones before the
// old ones die, and puts them where programs read them.
//
// A Plan says which accounts there are, and which outputs are made of them. A
// Refresher asks for each account at half of the real life of what it got last,
// and again and again after a failure, sooner the less life is left, so that an
// outage has to last for over half of a life before anything expires. An output is
// written when one of its accounts changed; one that cannot be written is tried
// again with what is at hand. Whatever fails, what is written already stays.
//
// Handler tells about all this over HTTP: whether every credential that programs
// read is alive (/health), whether all was written once (/ready), and figures
// (/metrics).
//
// Whether something has expired is decided by the clock on the wall, also after
// the machine slept or its clock was set. Nothing is kept on disk but the outputs:
// a new process asks for everything anew, and several with one plan do no harm.
package refresh
