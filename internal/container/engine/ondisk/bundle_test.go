package ondisk

import (
	"encoding/json"
	"testing"
)

func TestCgroupEnd(t *testing.T) {
	for path, want := range map[string]string{
		"/other/web": "/other/web", "system.slice:ctr:web": "/ctr-web.scope", "user.slice::web": "/web.scope", "a:b:": "", "web": "", "/": "", "": "",
	} {
		s := spec{}
		if err := json.Unmarshal([]byte(`{"linux":{"cgroupsPath":"`+path+`"}}`), &s); err != nil {
			t.Fatal(err)
		}
		if got := s.cgroupEnd(); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}
