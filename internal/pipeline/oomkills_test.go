package pipeline

import "testing"

func TestNoCommandLineIsReadWhereNoneIsWanted(t *testing.T) {
	for name, p := range map[string]*Pipeline{
		"by the flag":                   {cfg: Config{NoCommandLines: true}, hostPIDs: true},
		"where procfs counts otherwise": {hostPIDs: false},
	} {
		if p.commandLines() != nil {
			t.Errorf("%s they are read", name)
		}
	}
}
