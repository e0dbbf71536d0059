package audit_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nodulescope/nodulescope/internal/exampletest"
	"github.com/nodulescope/nodulescope/plugin/audit"
)

// A trail that was written is verified, and seen to be changed.
func ExampleVerify() {
	dir, remove := exampletest.Dir()
	defer remove()
	path := filepath.Join(dir, "audit.jsonl")
	trail, err := audit.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, codes := range [][]string{{"not_ct"}, {"folder_missing"}} {
		if err := trail.Append(audit.Record{Kind: audit.KindDead, Codes: codes}); err != nil {
			fmt.Println(err)
		}
	}
	if err := trail.Close(); err != nil {
		fmt.Println(err)
	}
	f, err := os.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	records, _, err := audit.Verify(f, func(r audit.Record) error {
		fmt.Println(r.Kind, r.Codes)
		return nil
	})
	fmt.Println(records, err)
	// Output:
	// dead [not_ct]
	// dead [folder_missing]
	// 2 <nil>
}
