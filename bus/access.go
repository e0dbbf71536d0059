package bus

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/nodulescope/nodulescope/internal/atomicfile"
	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/internal/smallfile"
)

// Role is a user of a broker with what it may do there.
type Role string

// Roles. docs/nats-server.conf has the same for an external broker.
const (
	RoleService  Role = "service"  // all: it answers jobs
	RoleOperator Role = "operator" // sends jobs, reads all streams, puts dead letters back, shares models
	RoleDetector Role = "detector" // sends jobs and reads results
)

// Roles lists all of them.
func Roles() []Role { return []Role{RoleService, RoleOperator, RoleDetector} }

// Access are the passwords of the roles.
type Access map[Role]string

const maxAccessBytes = 4096

// ReadAccess reads the file of a server's passwords, see ServerOptions.AccessFile.
func ReadAccess(path string) (a Access, err error) {
	const op = "read bus access"
	text, err := smallfile.Read(path, maxAccessBytes)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	for _, role := range Roles() {
		if err == nil && len(a[role]) < 16 {
			err = fmt.Errorf("no password of 16 characters or more for %s", role)
		}
	}
	if err != nil {
		return nil, coded.New(CodeSettings, op, "the file of passwords cannot be used: remove it, and the service makes a new one at its start", err)
	}
	return a, nil
}

// accessOf reads the file, or makes it, for its owner alone.
func accessOf(path string) (Access, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return ReadAccess(path)
	}
	a := Access{}
	for _, role := range Roles() {
		a[role] = rand.Text()
	}
	text, err := json.Marshal(a)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o700)
	}
	if err == nil {
		err = atomicfile.WriteBytes(path, 0o600, append(text, '\n'))
	}
	if err != nil {
		return nil, coded.New(CodeSettings, "make bus access", "the file of passwords cannot be written", err)
	}
	return a, nil
}

// users are the roles as the embedded server knows them.
func (a Access) users() (users []*natsserver.User) {
	for _, role := range Roles() {
		users = append(users, &natsserver.User{Username: string(role), Password: a[role], Permissions: permissions(role)})
	}
	return users
}

// permissions are what a role may do; nil: all.
func permissions(role Role) *natsserver.Permissions {
	publish, subscribe := Permitted(role)
	if publish == nil {
		return nil
	}
	return &natsserver.Permissions{
		Publish:   &natsserver.SubjectPermission{Allow: publish},
		Subscribe: &natsserver.SubjectPermission{Allow: subscribe},
	}
}

// inbox is where answers to a role go, which no other limited role may hear; "": where
// those to everybody else go, NATS's own. Other clients are told, as
// nats --inbox-prefix is.
func (r Role) inbox() string {
	if r == RoleOperator || r == RoleDetector {
		return "_INBOX_" + string(r)
	}
	return ""
}

// Permitted lists the subjects that a role may publish and subscribe to; nil:
// all. Reading a stream takes a consumer, which is made, asked and removed with
// requests that name the stream. Where the broker sends what a request asks for is
// said by the request, which no permission limits: a role keeps mistakes away, not a
// hostile client.
func Permitted(role Role) (publish, subscribe []string) {
	read := func(stream string) []string {
		return []string{
			"$JS.API.STREAM.INFO." + stream, "$JS.API.STREAM.MSG.GET." + stream,
			"$JS.API.CONSUMER.CREATE." + stream + ".>", "$JS.API.CONSUMER.CREATE." + stream, "$JS.API.CONSUMER.INFO." + stream + ".*",
			"$JS.API.CONSUMER.MSG.NEXT." + stream + ".*", "$JS.API.CONSUMER.DELETE." + stream + ".*", "$JS.ACK." + stream + ".>",
		}
	}
	publish = append([]string{subjectPrefix + "job.>", "$JS.API.INFO"}, read(StreamResults)...)
	switch role {
	case RoleDetector:
	case RoleOperator:
		publish = append(append(publish, read(StreamDead)...), read(StreamReviews)...)
		publish = append(publish, "$JS.API.STREAM.INFO."+StreamJobs, "$JS.API.STREAM.MSG.GET."+StreamJobs)
		publish = append(append(publish, read(StreamModels)...), "$JS.API.DIRECT.GET."+StreamModels, "$JS.API.DIRECT.GET."+StreamModels+".>",
			"$JS.FC."+StreamModels+".>", "$O."+BucketModels+".>", "$JS.API.STREAM.PURGE."+StreamModels) // pieces are removed by purging
	default:
		return nil, nil
	}
	return publish, []string{role.inbox() + ".>"}
}
