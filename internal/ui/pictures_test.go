package ui

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/nsviz/nsviz/internal/model"
)

// The pictures of the README and docs/SCREEN.md are what the code draws now; make pictures writes them anew.
func TestGoldenPictures(t *testing.T) {
	killed := sceneWardKilled(8)
	for _, tt := range []struct {
		name string
		s    *model.Snapshot
		st   State
		w, h int
	}{
		{"workloads", sceneUses(), on(Containers, hogID), 120, 32},
		{"map", killed, on(Map, killed.Containers[1].ID), 120, 36},
		{"page", scene(), hogPage(scene()), 120, 46},
		{"namespaces", scene(), on(Namespaces, "net:4026532182"), 120, 32},
	} {
		for theme, ending := range map[Theme]string{Dark: "-dark.svg", Light: "-light.svg"} {
			var got bytes.Buffer
			tt.st.Width, tt.st.Height, tt.st.ExportForm = tt.w, tt.h, ExportSVG
			if err := tt.st.Write(&got, tt.s, theme); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("..", "..", "docs", "pictures", tt.name+ending)
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s is not what is drawn now; make pictures writes it anew", path)
			}
		}
	}
}
