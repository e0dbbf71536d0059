package j2k

type htDecoder struct{}

func (h *htDecoder) decode(k *block, data []int32, w, hh, planes int, causal bool) error {
	return unsupported("HT")
}
