package event

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// KillPrefix begins the id of an OOM kill. No container can have a name with a colon.
const KillPrefix = "kill:"

// killDigits is how many hexadecimal digits follow KillPrefix.
const killDigits = 16

// KillID returns the id of an OOM kill: a digest of the boot in which it happened (the kernel's boot_id, "" is unknown), its time by the kernel's
// clock and its victim's thread, so that no two kills have the same one, on whatever hosts.
func KillID(boot string, bootNS uint64, tid int32) string {
	key := binary.BigEndian.AppendUint64([]byte(boot+"\x00"), bootNS)
	key = binary.BigEndian.AppendUint32(key, uint32(tid))
	sum := sha256.Sum256(key)
	return KillPrefix + hex.EncodeToString(sum[:])[:killDigits]
}

// ParseKillID reads an id as KillID returns it, in either case. It returns false for anything else.
func ParseKillID(text string) (id string, ok bool) {
	digits, ok := strings.CutPrefix(strings.ToLower(text), KillPrefix)
	if !ok || len(digits) != killDigits || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", false
	}
	return KillPrefix + digits, true
}
