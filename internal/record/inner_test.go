package record

import "testing"

// TestRecordingsWithInnerContainers: earlier versions wrote the outermost container first.
func TestRecordingsWithInnerContainers(t *testing.T) {
	for text, want := range map[string]string{
		`{"fact":{"event":{"container":{"id":"a","inner":{"id":"b"}}}}}`:                          `{"fact":{"event":{"container":{"id":"b","parent":{"id":"a"}}}}}`,
		`{"container":{"id":"a","inner":{"id":"b","inner":{"id":"c"}}},"n":12345678901234567890}`: `{"container":{"id":"c","parent":{"id":"b","parent":{"id":"a"}}},"n":12345678901234567890}`,
		`[{"inner":{"id":"b"}}]`:                     `[{"inner":{"id":"b"}}]`,
		`{"name":"\"inner\":","id":"a","inner":"b"}`: `{"id":"a","inner":"b","name":"\"inner\":"}`,
		`{"id":"a","inner":`:                         `{"id":"a","inner":`,
		`{"id":"a"}`:                                 `{"id":"a"}`,
	} {
		if got := string(withParents([]byte(text))); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
}
