package accounts_test

import (
	"fmt"
	"log"
	"path/filepath"

	"github.com/nodulescope/nodulescope/internal/exampletest"
	"github.com/nodulescope/nodulescope/plugin/review/accounts"
)

// A file with one reviewer, written and read again.
func Example() {
	dir, remove := exampletest.Dir()
	defer remove()
	path := filepath.Join(dir, "users.json")
	hash, err := accounts.HashPassword("a sentence is fine")
	if err != nil {
		log.Fatal(err)
	}
	if err := accounts.Save(path, []accounts.User{{Name: "ann", DisplayName: "Dr. Ann Example", Role: accounts.RoleReview, Hash: hash}}); err != nil {
		log.Fatal(err)
	}

	users := accounts.File{Path: path}
	ann, there, err := users.Find("ANN")
	if err != nil || !there {
		log.Fatal(err)
	}
	right, err := accounts.VerifyPassword(ann.Hash, "a sentence is fine")
	fmt.Println(ann.Shown(), ann.Role.Allows(accounts.RoleView), right, err)
	// Output: Dr. Ann Example true true <nil>
}
