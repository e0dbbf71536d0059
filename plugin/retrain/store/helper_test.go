package store

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nodulescope/nodulescope/internal/digest"
	"github.com/nodulescope/nodulescope/plugin/plugintest"
)

// relist has the description of a candidate name a file as it is now.
func relist(t *testing.T, folder, name, content string) {
	t.Helper()
	path := filepath.Join(folder, CandidateFile)
	text, err := os.ReadFile(path)
	plugintest.Must(t, err)
	var c map[string]any
	plugintest.Must(t, json.Unmarshal(text, &c))
	var files []any
	for _, f := range c["files"].([]any) {
		if f.(map[string]any)["name"] != name {
			files = append(files, f)
		}
	}
	role := RoleDetector
	if strings.HasPrefix(name, "rungs") {
		role = RoleRungs
	}
	c["files"] = append(files, map[string]any{"name": name, "role": role, "sha256": digest.Of([]byte(content))})
	text, err = json.Marshal(c)
	plugintest.Must(t, err)
	plugintest.Must(t, os.WriteFile(path, text, 0o600))
}
