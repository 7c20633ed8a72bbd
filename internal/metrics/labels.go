package metrics

import "strings"

// merge adds up the counts whose labels are the same: two samples with equal labels would fail the scrape.
func merge[K, L comparable](counts map[K]uint64, labels func(K) L) map[L]uint64 {
	merged := make(map[L]uint64, len(counts))
	for k, n := range counts {
		merged[labels(k)] += n
	}
	return merged
}

// LabelName returns what the label of nsviz_container_info is called that has the containers' own label of a key.
func LabelName(key string) string {
	return "label_" + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, key)
}

func labelNames(keys []string) []string {
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = LabelName(key)
	}
	return names
}

// itself leaves a label as it is.
func itself(label string) string { return label }
