package metrics

// merge adds up the counts whose labels are the same: two samples with equal labels would fail the scrape.
func merge[K, L comparable](counts map[K]uint64, labels func(K) L) map[L]uint64 {
	merged := make(map[L]uint64, len(counts))
	for k, n := range counts {
		merged[labels(k)] += n
	}
	return merged
}

// itself leaves a label as it is.
func itself(label string) string { return label }
