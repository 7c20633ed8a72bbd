package record

import (
	"bytes"
	"encoding/json"
)

// Earlier versions wrote the container that a process was in as the outermost one, with those inside as `inner`. Now it is the innermost
// one, with its `parent`.

var innerKey = []byte(`"inner":`)

// withParents rewrites a line of an earlier version. A line that is no JSON stays as it is.
func withParents(text []byte) []byte {
	if !bytes.Contains(text, innerKey) {
		return text
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if decoder.Decode(&value) != nil {
		return text
	}
	changed, err := json.Marshal(turned(value))
	if err != nil {
		return text
	}
	return changed
}

// turned returns a value of JSON in which each container has its parent instead of what is inside it.
func turned(value any) any {
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = turned(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = turned(v[key])
		}
		inner, ok := v["inner"].(map[string]any)
		if _, isContainer := v["id"].(string); !ok || !isContainer {
			return v
		}
		delete(v, "inner")
		outermost := inner
		for {
			above, ok := outermost["parent"].(map[string]any)
			if !ok {
				break
			}
			outermost = above
		}
		outermost["parent"] = v
		return inner
	}
	return value
}
