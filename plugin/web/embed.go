package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files holds the page: index.html, assets/ with names that change with their
// content, and licences.md of what is bundled.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: " + err.Error()) // the name is valid
	}
	return files
}
