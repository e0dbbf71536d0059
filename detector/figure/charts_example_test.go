package figure_test

import (
	"bytes"
	"fmt"
	"log"
	"strings"

	"github.com/nodulescope/nodulescope/detector/figure"
	"github.com/nodulescope/nodulescope/internal/use"
)

func ExampleDensity() {
	svg, err := figure.Density{
		Title: "Scores of the test side",
		Axis:  "squared difference per voxel",
		Log:   true,
		At:    []float64{0.002, 0.008, 0.014, 0.04},
		Groups: []figure.DensityGroup{
			{Name: "normal", Values: []float64{0.004, 0.006, 0.009, 0.011}, Density: []float64{0, 2.1, 0.9, 0}},
			{Name: "anomaly", Values: []float64{0.010, 0.016, 0.021}, Density: []float64{0, 0.8, 2.2, 0}},
		},
		Marks: []figure.Mark{{Name: "threshold", At: 0.0109}},
	}.SVG()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bytes.Contains(svg, []byte("anomaly (n = 3)")))
	// Output: true
}

func ExampleROC() {
	svg, err := figure.ROC{
		Title: "ROC", Normals: 2, Anomalies: 2, Band: "95 % pointwise, bootstrap by patient",
		Curves: []figure.Curve{{
			Name: "vae-ad", X: []float64{0, 0, 0.5, 0.5, 1}, Y: []float64{0, 0.5, 0.5, 1, 1},
			BandX: []float64{0, 1}, Low: []float64{0, 1}, High: []float64{1, 1},
			Area: &figure.Estimate{Value: 0.75, Low: 0.12, High: 0.99},
		}},
	}.SVG()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bytes.Contains(svg, []byte("0.75 [0.12, 0.99]")))
	// Output:
	// true
}

func ExamplePNG() {
	digits := [][]float32{make([]float32, 28*28), make([]float32, 28*28)}
	data, err := figure.PNG(figure.Samples{Title: "Samples of the generator", Images: digits})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", data[1:4])
	// Output: "PNG"
}

func ExampleReport_WriteHTML() {
	svg, err := figure.Dots{
		Title: "AUROC by seed", X: "seed", Y: "AUROC", Categories: []string{"1", "2"},
		Series: []figure.DotSeries{{Name: "vae-ad", Estimates: []*figure.Estimate{
			{Value: 0.725, Low: 0.598, High: 0.823}, {Value: 0.739, Low: 0.61, High: 0.83},
		}}},
		Marks: []figure.Mark{{Name: "paper, NLST", At: 0.62}},
	}.SVG()
	if err != nil {
		log.Fatal(err)
	}
	var page strings.Builder
	err = figure.Report{
		Title: "VAE-AD on nodules",
		Sections: []figure.Section{{
			Title:   "Seeds",
			Text:    "Seeds move the AUROC by 0.014.",
			Tables:  []figure.Table{{Caption: "By seed.", Head: []string{"seed", "AUROC"}, Rows: [][]string{{"1", "0.725"}, {"2", "0.739"}}}},
			Figures: []figure.Figure{{Caption: "AUROC by seed, DeLong 95 %.", Alt: "two seeds above the paper's 0.62", SVG: svg}},
		}},
		Command:  "nodulescope experiment nodules --detector vae",
		Settings: []byte(`{"seeds": [1, 2]}`),
	}.WriteHTML(&page)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Contains(page.String(), use.Statement))
	// Output: true
}
