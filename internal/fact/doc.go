// Package fact holds the plain values that the model is given and a recording keeps: what was read from the kernel, the host
// and the engines, beside events. Readers, the model, recordings and views share them.
//
// Their JSON is the format of recordings: fields may be added, never renamed, and what an older version did not keep is
// unknown. A pointer or a field that is absent means unknown, which is not the same as zero.
package fact
