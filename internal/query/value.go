package query

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Value is what a row has in a field. The zero Value is unknown.
type Value struct {
	known bool
	// atLeast is set if the number may be higher.
	atLeast bool
	// texts are those of a Text, which has one, or of a Set.
	texts []string
	// number is a Number, a Percentage in thousandths of a percent, a Size in bytes, a Duration in nanoseconds, a Time in nanoseconds since 1970, or a Bool as 0 or 1.
	number int64
	typ    Type
}

// unlimited is the number of a limit that is none.
const unlimited = math.MaxInt64

func textValue(s string) Value { return Value{known: true, texts: []string{s}} }

func setValue(list []string) Value { return Value{known: true, texts: list, typ: Set} }

// numberValue returns a number; one that is too high is the highest.
func numberValue[N ~int | ~int32 | ~uint32 | ~uint64](n N) Value {
	if n > 0 && uint64(n) > math.MaxInt64 {
		return Value{known: true, number: math.MaxInt64, typ: Number}
	}
	return Value{known: true, number: int64(n), typ: Number}
}

// unlessZero returns a number for which 0 is unknown.
func unlessZero[N ~int | ~int32 | ~uint32 | ~uint64](n N) Value {
	if n == 0 {
		return Value{}
	}
	return numberValue(n)
}

// unlessNil returns a number for which nil is unknown.
func unlessNil[N ~int | ~int32 | ~uint32 | ~uint64](n *N) Value {
	if n == nil {
		return Value{}
	}
	return numberValue(*n)
}

// sizeValue returns a number of bytes; nil is unknown.
func sizeValue(bytes *uint64) Value {
	v := unlessNil(bytes)
	v.typ = Size
	return v
}

// thousandths is by what a percentage is multiplied in a Value.
const thousandths = 1000

// percentValue returns a percentage; nil is unknown.
func percentValue(percent *float64) Value {
	if percent == nil {
		return Value{}
	}
	return Value{known: true, number: int64(math.Round(*percent * thousandths)), typ: Percentage}
}

// durationValue returns a duration of milliseconds; nil is unknown.
func durationValue(ms *float64) Value {
	if ms == nil {
		return Value{}
	}
	return Value{known: true, number: int64(*ms * float64(time.Millisecond)), typ: Duration}
}

// timeValue returns a time; the zero time is unknown.
func timeValue(t time.Time) Value {
	if t.IsZero() {
		return Value{}
	}
	return Value{known: true, number: t.UnixNano(), typ: Time}
}

func boolValue(b bool) Value {
	v := Value{known: true, typ: Bool}
	if b {
		v.number = 1
	}
	return v
}

// String returns what a search looks at. An unknown value has no text.
func (v Value) String() string {
	switch {
	case !v.known:
		return ""
	case v.typ == Number:
		return strconv.FormatInt(v.number, 10)
	}
	return strings.Join(v.texts, " ")
}
