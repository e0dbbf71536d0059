package series_test

import (
	"context"
	"fmt"

	"github.com/nodulescope/nodulescope/internal/coded"
	"github.com/nodulescope/nodulescope/plugin/series"
)

// A job may name folders that the site allows, and no others.
func ExampleReader_Open() {
	r := series.Reader{Roots: []string{"/data/ct"}}
	_, err := r.Open(context.Background(), series.Place{URI: "file:///etc"})
	fmt.Println(coded.CodeOf(err))
	_, err = r.Open(context.Background(), series.Place{URI: series.ArchiveURI("https://pacs.example/dicom-web", "1.2", "1.2.3")})
	fmt.Println(coded.CodeOf(err))
	// Output:
	// uri_forbidden
	// uri_forbidden
}

func ExampleSplitArchiveURI() {
	base, study, uid, err := series.SplitArchiveURI("https://pacs.example/dicom-web/studies/1.2/series/1.2.3")
	fmt.Println(base, study, uid, err)
	// Output: https://pacs.example/dicom-web 1.2 1.2.3 <nil>
}
