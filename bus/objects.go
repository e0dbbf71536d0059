package bus

import (
	"cmp"
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nuid"

	"github.com/nodulescope/nodulescope/internal/coded"
)

// BucketModels is the bucket of the object store in which workstations share versions
// of models; its stream is StreamModels. It is no part of [Streams]: a service works
// without it.
const (
	BucketModels = "MODELS"
	StreamModels = "OBJ_" + BucketModels
)

const (
	defaultModelsBytes = 1 << 30
	maxObjects         = 100_000
	objectTime         = 30 * time.Second // for one object, beside the time of its bytes
	objectRate         = 128 << 10        // bytes a second, the slowest line that is waited for
	fullBucket         = jetstream.ErrorCode(10077)
	fullAccount        = jetstream.ErrorCode(10002)
	fullBroker         = jetstream.ErrorCode(10047)
)

// EnsureModels makes the bucket MODELS where it is missing, or gives it the size and
// the replicas of [StreamSettings]. One that drops what it holds is refused with
// stream_incompatible; other failures: stream_unavailable.
func (b *Bus) EnsureModels(ctx context.Context) error {
	const op = "ensure bucket " + BucketModels
	have, err := b.stream(ctx, StreamModels)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		cfg := jetstream.ObjectStoreConfig{
			Bucket: BucketModels, Description: "versions of models", Storage: jetstream.FileStorage,
			MaxBytes: cmp.Or(b.streams.ModelsBytes, defaultModelsBytes), Replicas: cmp.Or(b.streams.ModelsReplicas, 1),
		}
		err = b.run(ctx, op, func(ctx context.Context) error { _, err := b.js.CreateObjectStore(ctx, cfg); return err })
		if err != nil {
			return coded.New(streamCode(err), op, "not created: is there room, are there servers for its replicas, and is creation permitted?", err)
		}
		return nil
	}
	if err != nil {
		return coded.New(CodeStream, op, "the broker does not answer: is JetStream on?", err)
	}
	cfg := have.CachedInfo().Config
	if !slices.Equal(cfg.Subjects, []string{"$O." + BucketModels + ".C.>", "$O." + BucketModels + ".M.>"}) || cfg.Discard != jetstream.DiscardNew || cfg.MaxAge != 0 || cfg.MaxMsgs > 0 {
		return coded.New(CodeIncompatible, op, "it exists and is no object store, or one that drops objects: move it away", nil)
	}
	changed := cfg
	changed.MaxBytes = cmp.Or(b.streams.ModelsBytes, cfg.MaxBytes)
	changed.Replicas = cmp.Or(b.streams.ModelsReplicas, cfg.Replicas)
	if changed.MaxBytes == cfg.MaxBytes && changed.Replicas == cfg.Replicas {
		return nil
	}
	if err := b.run(ctx, op, func(ctx context.Context) error { _, err := b.js.UpdateStream(ctx, changed); return err }); err != nil {
		return coded.New(CodeStream, op, "its size or replicas are not changed", err)
	}
	return nil
}

// Object is what a bucket holds.
type Object struct {
	Name  string
	Bytes int64     // as its record says; its pieces may be missing
	Added time.Time // by the clock of the broker
}

// Objects is a bucket whose objects are added and removed, and never replaced: where a
// bucket is full, a Put of the client in the place of an object destroys the old one.
type Objects struct {
	b  *Bus
	in jetstream.ObjectStore
}

// Models opens the bucket MODELS. Code: stream_unavailable.
func (b *Bus) Models(ctx context.Context) (*Objects, error) {
	const op = "open bucket " + BucketModels
	in, err := call(ctx, b, op, func(ctx context.Context) (jetstream.ObjectStore, error) { return b.js.ObjectStore(ctx, BucketModels) })
	if err != nil {
		return nil, coded.New(CodeStream, op, "there is none, or this user may not read it: a service of this version makes it at its start, and docs/nats-server.conf has the permissions", err)
	}
	return &Objects{b, in}, nil
}

// List returns what the bucket holds, in no order, without what was removed. Code:
// stream_unavailable.
func (o *Objects) List(ctx context.Context) (list []Object, err error) {
	const op = "list objects"
	infos, err := call(ctx, o.b, op, func(ctx context.Context) ([]*jetstream.ObjectInfo, error) { return o.in.List(ctx) })
	if errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil, nil
	}
	if err != nil {
		return nil, coded.New(CodeStream, op, "the bucket cannot be read", err)
	}
	for _, i := range infos[:min(len(infos), maxObjects)] {
		list = append(list, Object{Name: i.Name, Bytes: int64(min(i.Size, 1<<62)), Added: i.ModTime}) //nolint:gosec // bounded
	}
	return list, nil
}

var plainNUID = regexp.MustCompile(`^[0-9A-Za-z]{1,64}$`)

// Read returns the content of an object of at most limit bytes. One that is missing,
// larger, half written or altered has code object_damaged. Other failures:
// stream_unavailable.
func (o *Objects) Read(ctx context.Context, name string, limit int64) ([]byte, error) {
	const op = "read object"
	damaged := func(hint string, err error) ([]byte, error) { return nil, coded.New(CodeObject, op, hint, err) }
	info, err := call(ctx, o.b, op, func(ctx context.Context) (*jetstream.ObjectInfo, error) { return o.in.GetInfo(ctx, name) })
	switch {
	case errors.Is(err, jetstream.ErrObjectNotFound):
		return damaged("it is not there", err)
	case err != nil:
		return nil, coded.New(CodeStream, op, "the bucket cannot be read", err)
	case info.Size > uint64(max(limit, 0)):
		return damaged("it is larger than it may be", nil)
	case info.Opts != nil && info.Opts.Link != nil || !plainNUID.MatchString(info.NUID):
		return damaged("it is none that this program wrote", nil)
	}
	// The client waits in vain for a piece that is missing.
	subject := "$O." + BucketModels + ".C." + info.NUID
	found, err := call(ctx, o.b, op, func(ctx context.Context) (*jetstream.StreamInfo, error) {
		s, err := o.b.js.Stream(ctx, StreamModels)
		if err != nil {
			return nil, err
		}
		return s.Info(ctx, jetstream.WithSubjectFilter(subject))
	})
	if err != nil {
		return nil, coded.New(CodeStream, op, "the bucket cannot be read", err)
	}
	if found.State.Subjects[subject] != uint64(info.Chunks) {
		return damaged("pieces of it are missing: it was not written to its end", nil)
	}
	ctx, cancel := context.WithTimeout(ctx, timeOf(int64(info.Size))) //nolint:gosec // at most limit
	defer cancel()
	r, err := o.in.Get(ctx, name)
	if err != nil {
		return nil, coded.New(CodeStream, op, "the bucket cannot be read", err)
	}
	defer r.Close() //nolint:errcheck // was read
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case errors.Is(err, jetstream.ErrDigestMismatch):
		return damaged("its bytes are not those that were written", err)
	case err != nil:
		return nil, coded.New(CodeStream, op, "it did not arrive whole; try again", err)
	case uint64(len(content)) != info.Size:
		return damaged("its size is not that which was written", nil)
	}
	return content, nil
}

// timeOf is how long an object may be on its way.
func timeOf(bytes int64) time.Duration {
	return objectTime + time.Duration(bytes/objectRate)*time.Second
}

// Add puts an object into the bucket, under a name that none had before: under, "/",
// and an id of its own. What is left of one that fails is removed. Codes: bucket_full,
// stream_unavailable.
func (o *Objects) Add(ctx context.Context, under string, content []byte) (name string, err error) {
	const op = "add object"
	name = under + "/" + nuid.Next()
	limited, cancel := context.WithTimeout(ctx, timeOf(int64(len(content))))
	defer cancel()
	if _, err = o.in.PutBytes(limited, name, content); err == nil {
		return name, nil
	}
	// Its record may have found room where its pieces did not.
	cleanUp, stop := context.WithTimeout(context.WithoutCancel(ctx), callTime)
	defer stop()
	_ = o.in.Delete(cleanUp, name)
	var api *jetstream.APIError
	if errors.As(err, &api) && slices.Contains([]jetstream.ErrorCode{fullBucket, fullAccount, fullBroker}, api.ErrorCode) {
		return "", coded.New(CodeBucketFull, op, "the bucket "+BucketModels+" has no room: remove old versions, or raise its size", err)
	}
	return "", coded.New(CodeStream, op, "it is not written; may this user write to the bucket?", err)
}

// Remove takes an object out of the bucket; one that is not there is no error. Code:
// stream_unavailable.
func (o *Objects) Remove(ctx context.Context, name string) error {
	const op = "remove object"
	err := o.b.run(ctx, op, func(ctx context.Context) error { return o.in.Delete(ctx, name) })
	if err != nil && !errors.Is(err, jetstream.ErrObjectNotFound) {
		return coded.New(CodeStream, op, "it is not removed; may this user write to the bucket?", err)
	}
	return nil
}

// Under cuts the name of an object into what [Objects.Add] was given and its id.
func (o Object) Under() string { return o.Name[:max(strings.LastIndexByte(o.Name, '/'), 0)] }
