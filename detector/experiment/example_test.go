package experiment_test

import (
	"context"
	"fmt"
	"log"
	"strings"

	"github.com/nodulescope/nodulescope/detector/experiment"
)

func ExampleReadSettings() {
	paper, err := experiment.Defaults(experiment.MNIST, experiment.VAE, false)
	if err != nil {
		log.Fatal(err)
	}
	s, err := experiment.ReadSettings(strings.NewReader("seeds: 2\nvae:\n  latent: 16"), paper)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(s.Seeds, "networks of", s.VAE.Latent, "latents,", s.VAE.Epochs, "epochs")
	_, err = experiment.ReadSettings(strings.NewReader("sedes: 2"), paper)
	fmt.Println(err)
	// Output:
	// 2 networks of 16 latents, 30 epochs
	// experiment: settings cannot be used: json: unknown field "sedes"
}

// The folder of the data is one that 'make data-mnist' filled. Started again, a
// run goes on where it stopped.
func ExampleRun() {
	s, err := experiment.Defaults(experiment.MNIST, experiment.VAE, false)
	if err != nil {
		log.Fatal(err)
	}
	r, err := experiment.Run(context.Background(), experiment.Options{Settings: s, Data: "data/mnist", Dir: "runs/mnist-vae"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Text())
	fmt.Println(r.Report)
}
