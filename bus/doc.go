// Package bus carries jobs, results and decisions over NATS JetStream: the
// embedded server, the connection, the streams, the messages and the dead
// letters. It knows nothing of images or scores beyond their names.
//
// # Server and connection
//
// [Start] runs a server inside the process, with file storage that is synced
// at every write: an acknowledged publish outlives a SIGKILL and a loss of
// power. [Connect] reaches that server without a port, or an external one by
// URL with nkeys, JWT credentials, a password file or TLS. A connection
// reconnects for ever, with jitter. [Bus.EnsureStreams] makes the streams,
// [Bus.Health] is what a readiness probe asks. On a broker that others set up,
// durability is what that broker was set to.
//
// # Streams
//
//	subject                            stream   kept as              holds
//	nodule.v1.job.<site>.<priority>    JOBS     work queue, file     [Job]; priority is stat or routine
//	nodule.v1.result.<site>            RESULTS  limits, file         [Result]
//	nodule.v1.review.<site>            REVIEWS  limits, file         [Review]
//	nodule.v1.dead.<site>              DEAD     limits, file         [Dead]
//
// A site is 1 to 32 characters of a-z, 0-9 and "-". Subjects and message ids
// hold neither patient data nor UIDs. JOBS and REVIEWS refuse publishers when
// they are full, so that nothing is lost unseen; RESULTS and DEAD drop their
// oldest. The duplicate window is two minutes on all of them.
//
// Beside the streams there is a bucket of the object store, MODELS, in which workstations
// share versions of models: [Bus.EnsureModels], [Objects]. Nothing else needs it.
//
// # Messages
//
// Every message is a CloudEvent 1.0 in structured JSON with the schema version
// in its type ([TypeJob] and so on) and a W3C traceparent as an extension. The
// decoders ignore fields that they do not know and are strict on limits: a job
// is at most [MaxJobBytes] and [MaxJobNodules]. Coordinates are LPS
// millimetres. Errors are of type [*Error] and carry a [Code] that never
// changes; they name fields and limits, never values of a message.
//
// # Delivery
//
// A job is stored once per (source, id) within the duplicate window, and
// delivered at least once. [JobQueue.Next] takes one job at a time, stat
// first, and never ahead of need: a job that waits in a worker would lose its
// AckWait unseen. [Delivery.KeepAlive] holds a job as long as its worker
// lives. A worker publishes the result, then calls [Delivery.Done] (double
// ack). A crash between the two is told by [Bus.FindResult] or the worker's
// own ledger. [Delivery.Dead] copies to DEAD first and ends the job after, for
// ending it deletes it from a work queue. Attempts are counted in
// [Delivery.NumDelivered] and are not limited by the broker: a message over
// such a limit would stay in the stream and never be delivered again.
//
// # Trouble
//
// Every exchange with the broker has four seconds and is tried three times,
// whatever time the caller has: no lost reply holds a worker. What still fails
// stands in [Bus.Health] until it works again.
//
// [Bus.DeadLetters] lists what could not be scored and [Bus.Replay] puts it
// into the queue again, where it was kept whole (64 KiB).
package bus
