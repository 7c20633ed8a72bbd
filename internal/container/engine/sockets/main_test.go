package sockets

import (
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// holdVariable makes the test binary hold the listening socket that is its third file, until its standard input ends. Then it writes
// how many have connected that nobody has served.
const holdVariable = "NSVIZ_TEST_HOLD"

func TestMain(m *testing.M) {
	if os.Getenv(holdVariable) != "" {
		if err := hold(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func hold() error {
	const listener = 3
	if err := unix.SetNonblock(listener, true); err != nil {
		return err
	}
	fmt.Println("holds")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	for n := 0; ; n++ {
		if _, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC); err == unix.EAGAIN {
			fmt.Println(n)
			return nil
		} else if err != nil {
			return err
		}
	}
}
