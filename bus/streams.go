package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// DuplicateWindow is how long a broker remembers the ids of messages.
const DuplicateWindow = 2 * time.Minute

const headerRoom = 64 << 10 // headers count towards the size of a message

// StreamSettings bounds the streams. A zero takes the default where a stream
// is created, and leaves a stream that exists as it is.
type StreamSettings struct {
	JobsBytes    int64         // default 256 MiB; when full, publishers are refused
	ResultsBytes int64         // default 2 GiB; when full, the oldest result goes
	ReviewsBytes int64         // default 512 MiB; when full, publishers are refused
	DeadBytes    int64         // default 256 MiB; when full, the oldest letter goes
	ResultsAge   time.Duration // default: kept
	DeadAge      time.Duration // default: kept
	Replicas     int           // default 1

	ModelsBytes    int64 // of the bucket MODELS, default 1 GiB; when full, nothing is added
	ModelsReplicas int   // of that bucket, default 1
}

// Bytes is the room that all of it takes on a server where the streams are made.
func (s StreamSettings) Bytes() int64 {
	sum := cmp.Or(s.ModelsBytes, defaultModelsBytes)
	for _, c := range s.configs() {
		sum += cmp.Or(c.MaxBytes, defaultBytes(c.Name))
	}
	return sum
}

// EnsureStreams creates the streams of the package documentation where they
// are missing, raises limits that are too low for them, and lets go of subjects
// that former versions listened to: a job on one of those is refused to its
// sender from then on. It refuses a stream
// of the same name that keeps, stores or listens to something else, with code
// stream_incompatible, and never touches one. Other failures:
// stream_unavailable.
func (b *Bus) EnsureStreams(ctx context.Context) error {
	for _, want := range b.streams.configs() {
		if err := b.ensureStream(ctx, want); err != nil {
			return err
		}
	}
	return nil
}

func (s StreamSettings) configs() []jetstream.StreamConfig {
	stream := func(name, about string, maxBytes int64, discard jetstream.DiscardPolicy, subjects ...string) jetstream.StreamConfig {
		for i := range subjects {
			subjects[i] = subjectPrefix + subjects[i]
		}
		return jetstream.StreamConfig{
			Name: name, Description: about, Subjects: subjects,
			Retention: jetstream.LimitsPolicy, Storage: jetstream.FileStorage, Discard: discard,
			// A job over its limit must come in, so that the worker can refuse
			// it aloud: a broker drops it without a word where no
			// acknowledgement was asked for.
			MaxMsgSize: maxResultBytes + headerRoom,
			MaxBytes:   maxBytes, Duplicates: DuplicateWindow, Replicas: s.Replicas,
		}
	}
	// Only what a queue is read from: a broker would acknowledge a job of any
	// other priority, and nobody would ever work on it.
	jobs := stream(StreamJobs, "series to score", s.JobsBytes, jetstream.DiscardNew, "job.*."+PriorityStat, "job.*."+PriorityRoutine)
	jobs.Retention = jetstream.WorkQueuePolicy
	results := stream(StreamResults, "scores", s.ResultsBytes, jetstream.DiscardOld, "result.*")
	results.MaxAge = s.ResultsAge
	reviews := stream(StreamReviews, "decisions of radiologists", s.ReviewsBytes, jetstream.DiscardNew, "review.*")
	dead := stream(StreamDead, "what could not be scored", s.DeadBytes, jetstream.DiscardOld, "dead.*")
	dead.MaxAge = s.DeadAge
	return []jetstream.StreamConfig{jobs, results, reviews, dead}
}

// defaultBytes are the limits of a new stream.
func defaultBytes(name string) int64 {
	switch name {
	case StreamResults:
		return 2 << 30
	case StreamReviews:
		return 512 << 20
	default:
		return 256 << 20
	}
}

func (b *Bus) ensureStream(ctx context.Context, want jetstream.StreamConfig) error {
	op := "ensure stream " + want.Name
	have, err := b.stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		want.MaxBytes = cmp.Or(want.MaxBytes, defaultBytes(want.Name))
		want.Replicas = cmp.Or(want.Replicas, 1)
		if err = b.run(ctx, op, func(ctx context.Context) error { _, err := b.js.CreateStream(ctx, want); return err }); err != nil {
			return coded.New(streamCode(err), op, "not created: is the subject taken, the store full, or creation not permitted?", err)
		}
		return nil
	}
	if Denied(err) {
		return coded.New(CodeStream, op, "this user may not look at it: a service signs in as one who may do all, such as service of docs/nats-server.conf", err)
	}
	if err != nil {
		return coded.New(CodeStream, op, "the broker does not answer: is JetStream on?", err)
	}
	cfg := have.CachedInfo().Config
	if hint := differs(cfg, want); hint != "" {
		return coded.New(CodeIncompatible, op, "it exists and "+hint+": use another account, or move that stream away", nil)
	}
	needed := cfg
	needed.Subjects = want.Subjects
	subjectsAlone := !raise(&needed, want)
	if !raise(&cfg, want) {
		return nil
	}
	if err := b.run(ctx, op, func(ctx context.Context) error { _, err := b.js.UpdateStream(ctx, cfg); return err }); err != nil {
		if subjectsAlone { // nothing that the service needs: an account may lack the permission
			b.log.Error("the stream still takes subjects that nobody works on; have it changed to these", "stream", want.Name, "subjects", want.Subjects, "error", err)
			return nil
		}
		return coded.New(CodeStream, op, "limits not raised", err)
	}
	b.log.Info("stream updated", "stream", want.Name)
	if want.Name == StreamJobs {
		b.tellUnheard(ctx)
	}
	return nil
}

// tellUnheard counts jobs that an old stream took on subjects from which no
// queue is read: they stay there until somebody removes them.
func (b *Bus) tellUnheard(ctx context.Context) {
	s, err := b.stream(ctx, StreamJobs)
	if err != nil {
		return // the log has it
	}
	info, err := call(ctx, b, "list subjects", func(ctx context.Context) (*jetstream.StreamInfo, error) {
		return s.Info(ctx, jetstream.WithSubjectFilter(subjectPrefix+"job.*.*"))
	})
	if err != nil {
		b.log.Warn("subjects of old jobs not looked at", "error", err)
		return
	}
	for subject, n := range info.State.Subjects {
		if _, _, ok := parseJobSubject(subject); !ok {
			b.log.Error("jobs lie on a subject that nobody works on: send them again on one that ends in stat or routine, and purge it", "subject", subject, "jobs", n)
		}
	}
}

// formerSubjects are those of streams that former versions made.
var formerSubjects = map[string][]string{StreamJobs: {subjectPrefix + "job.*.*"}}

// differs says what makes have another stream than want; "" where nothing does.
func differs(have, want jetstream.StreamConfig) string {
	switch {
	case have.Retention != want.Retention:
		return fmt.Sprintf("its retention is %s, not %s", have.Retention, want.Retention)
	case have.Storage != want.Storage:
		return fmt.Sprintf("its storage is %s, not %s", have.Storage, want.Storage)
	case !slices.Equal(have.Subjects, want.Subjects) && !slices.Equal(have.Subjects, formerSubjects[want.Name]):
		return fmt.Sprintf("its subjects are %v, not %v", have.Subjects, want.Subjects)
	case have.Mirror != nil || len(have.Sources) > 0 || have.SubjectTransform != nil:
		return "it copies or renames messages of other streams"
	case have.Sealed || have.NoAck:
		return "it is sealed or does not acknowledge"
	}
	return ""
}

// raise changes cfg where it is too low for want or was set otherwise, and
// reports whether it did. What an operator tuned beyond that stays.
func raise(cfg *jetstream.StreamConfig, want jetstream.StreamConfig) bool {
	changed := false
	if !slices.Equal(cfg.Subjects, want.Subjects) {
		cfg.Subjects, changed = want.Subjects, true
	}
	if cfg.MaxMsgSize > 0 && cfg.MaxMsgSize < want.MaxMsgSize {
		cfg.MaxMsgSize, changed = want.MaxMsgSize, true
	}
	if cfg.Duplicates < want.Duplicates {
		cfg.Duplicates, changed = want.Duplicates, true
	}
	if cfg.Discard != want.Discard {
		cfg.Discard, changed = want.Discard, true
	}
	if want.MaxBytes != 0 && cfg.MaxBytes != want.MaxBytes {
		cfg.MaxBytes, changed = want.MaxBytes, true
	}
	if want.MaxAge != 0 && cfg.MaxAge != want.MaxAge {
		cfg.MaxAge, changed = want.MaxAge, true
	}
	if want.Replicas != 0 && cfg.Replicas != want.Replicas {
		cfg.Replicas, changed = want.Replicas, true
	}
	return changed
}

// streamCode tells a conflict of subjects from other refusals.
func streamCode(err error) Code {
	const subjectOverlap jetstream.ErrorCode = 10065
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == subjectOverlap || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return CodeIncompatible
	}
	return CodeStream
}
