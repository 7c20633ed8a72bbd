package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/nsviz/nsviz/internal/container"
	"github.com/nsviz/nsviz/internal/metrics"
)

// maxLabelKey is how long a key of --label may be, in bytes.
const maxLabelKey = 256

// checkLabels checks the keys that --label names. One that is named twice counts once.
func (o *options) checkLabels() error {
	byName := map[string]string{}
	var keys []string
	for _, key := range o.labels {
		name := metrics.LabelName(key)
		switch other, taken := byName[name]; {
		case key == "" || len(key) > maxLabelKey:
			return errUsage{errors.New("--label: want the key of a label, such as com.example.team")}
		case slices.Contains(keys, key):
			continue
		case taken:
			return errUsage{fmt.Errorf("--label: %s and %s would both be %s in the metrics", other, key, name)}
		}
		byName[name] = key
		keys = append(keys, key)
	}
	if len(keys) > container.MaxLabels {
		return errUsage{fmt.Errorf("--label: at most %d keys can be kept, these are %d", container.MaxLabels, len(keys))}
	}
	o.labels = keys
	return nil
}
