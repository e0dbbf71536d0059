// Package shadow keeps what a candidate scored unseen beside the models that are in
// use, and says how far both agree.
//
// # What a shadow run is
//
// A version of the model store ([Run.Version]) scores the nodules of live jobs after
// their answers were published. Nobody who reviews sees its scores: they are in a
// folder of their own, and nothing of them goes to the bus. A run ends at a number of
// nodules or days, or when other models are promoted.
//
// # On the disk
//
//	models/shadow/run.json       what runs, or ran last, and its counts
//	models/shadow/records.jsonl  a line per nodule: both scores, and the scan around it
//	                             where the change was among the ten largest so far
//
// A record names its nodule by the digest of the result and the number of the finding,
// with which the review page finds it. It holds no patient's name, id or UID.
//
// # The report
//
// [Read] and [Report] say, score by score, how many flags agree, with an interval of a
// bootstrap by series, which flags are new and which are gone, and how probabilities
// moved. [Report.WriteHTML] adds pictures of the ten nodules that changed most.
package shadow
