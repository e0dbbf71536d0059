package mnist_test

import (
	"fmt"
	"log"
	"slices"
	"testing"

	"github.com/nodulescope/nodulescope/internal/checktest"
	"github.com/nodulescope/nodulescope/nodule/mnist"
)

func TestRealFiles(t *testing.T) {
	folder := checktest.Data(t, "mnist")
	checktest.Must(t, mnist.Check(folder))
	s, err := mnist.Open(folder)
	checktest.Must(t, err)
	test, err := s.Test()
	checktest.Must(t, err)
	// The rows that were drawn must never change: figures hang on them.
	for name, c := range map[string]struct {
		set  *mnist.Set
		want []int
	}{
		"training": {s.Training(), []int{49750, 10823, 15748}},
		"choice":   {s.Choice(), []int{859, 8373, 5380}},
		"test":     {test, []int{8978, 7636, 8108}},
	} {
		if got := c.set.Rows[:3]; !slices.Equal(got, c.want) {
			t.Errorf("%s: first rows %v, want %v", name, got, c.want)
		}
	}
	// A stroke is about a fifth of the page.
	var ink float64
	training := s.Training()
	for _, v := range training.Pixels {
		ink += float64(v)
	}
	if mean := ink / float64(len(training.Pixels)); mean < 0.12 || mean > 0.14 {
		t.Errorf("mean of the training pixels %.4f, want about 0.13", mean)
	}
}

// The folder is one that 'make data-mnist' filled.
func ExampleOpen() {
	source, err := mnist.Open("data/mnist")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(source.Training().Len(), "normals to learn from,", source.Choice().Len(), "images to choose on")
}
