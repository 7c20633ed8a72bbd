// Package fact holds the plain values that are applied to the model and kept in recordings: readings of the kernel, the host
// and the engines, beside events. Readers, the model, recordings and views share them.
//
// Their JSON is the format of recordings: fields may be added, never renamed, and fields that an older version did not keep are
// unknown. A pointer or a field that is absent means unknown, which is not the same as zero.
package fact
