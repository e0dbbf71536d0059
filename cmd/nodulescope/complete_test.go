package main

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// offered is what a shell offers after some words.
func offered(t *testing.T, words ...string) []string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := execute(t.Context(), append([]string{"__complete"}, words...), nil, &stdout, &stderr); code != 0 {
		t.Fatalf("%q: %d %s", words, code, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	return lines[:len(lines)-1] // the last one says how to complete
}

// Every flag whose help names its values offers them: "FORMAT of the log: text or
// json".
func TestCompletionOfFlags(t *testing.T) {
	named := regexp.MustCompile(`(?:: |as )((?:[a-z0-9-]+, )*[a-z0-9-]+),? or ([a-z0-9-]+)`)
	checked := 0
	var walk func(cmd *cobra.Command, path []string)
	walk = func(cmd *cobra.Command, path []string) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			m := named.FindStringSubmatch(f.Usage)
			if m == nil || f.Name == "since" || f.Value.Type() == "bool" || f.Value.Type() == "int" {
				return
			}
			all := offered(t, append(slices.Clone(path), "--"+f.Name, "")...)
			for _, v := range append(strings.Split(m[1], ", "), m[2]) {
				checked++
				if !slices.Contains(all, v) && !slices.Contains([]string{"on", "one"}, v) {
					t.Errorf("%q --%s: %q of its help is not among %q", path, f.Name, v, all)
				}
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub, append(slices.Clone(path), sub.Name()))
		}
	}
	walk(newRootCommand(&globals{}), nil)
	if checked < 20 {
		t.Errorf("%d values were looked for", checked)
	}
}

// What is not a fixed list is looked up: detectors, devices, versions, users; a
// list goes on after a comma.
func TestCompletionOfWhatThereIs(t *testing.T) {
	data := t.TempDir()
	run := func(input string, args ...string) {
		t.Helper()
		root := newRootCommand(&globals{})
		root.SetArgs(args)
		root.SetIn(strings.NewReader(input))
		root.SetOut(&bytes.Buffer{})
		root.SetErr(&bytes.Buffer{})
		if err := root.ExecuteContext(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	run("correct horse battery staple\n", "users", "add", "ann", "--data-dir", data)
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"score", "--detectors", "vae"}, "vae-ad"},
		{[]string{"score", "--detectors", "vae-ad,gan"}, "vae-ad,gan-ad"},
		{[]string{"serve", "--device", "c"}, "cpu"},
		{[]string{"serve", "--models", "p"}, "promoted"},
		{[]string{"models", "show", "--data-dir", data, "sh"}, "shipped"},
		{[]string{"users", "passwd", "--data-dir", data, "a"}, "ann"},
		{[]string{"experiment", "n"}, "nodules"},
		{[]string{"bench", "--kernels", "g"}, "go"},
		{[]string{"phantom", "--nodule", "spic"}, "spiculated"},
	} {
		if got := offered(t, c.words...); !slices.Contains(got, c.want) {
			t.Errorf("%q: %q is not among %q", c.words, c.want, got)
		}
	}
	if got := offered(t, "score", "--detectors", "vae-ad,v"); len(got) > 0 {
		t.Errorf("a detector is offered twice: %q", got)
	}
}
