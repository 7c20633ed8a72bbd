package cri

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	silence() // before a server of a test uses the library
	goleak.VerifyTestMain(m)
}
