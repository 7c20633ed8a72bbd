package pipeline

import "testing"

func TestNoCommandLineIsReadWhereNoneIsWanted(t *testing.T) {
	for name, p := range map[string]*Pipeline{
		"by the flag":                   {cfg: Config{NoCommandLines: true}, loop: &loop{hostPIDs: true}},
		"where procfs counts otherwise": {loop: &loop{hostPIDs: false}},
	} {
		if p.commandLines() != nil {
			t.Errorf("%s they are read", name)
		}
	}
}
