package detector

// GANName is the name under which GAN-AD reports its scores.
const GANName = "gan-ad"
