package otlp

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/nsviz/nsviz/internal/event"
)

// prefix begins the names of attributes for which there is no semantic convention. The path in the JSON of the event follows.
const prefix = "nsviz."

// conventions are the semantic conventions for fields of an event, by the path in its JSON.
var conventions = map[string]attribute.Key{
	"pid":                  semconv.ProcessPIDKey,
	"uid":                  semconv.ProcessRealUserIDKey,
	"entered.command_line": semconv.ProcessCommandLineKey,
	"exit.code":            semconv.ProcessExitCodeKey,

	"oom.victim.command_line": semconv.ProcessCommandLineKey,
	"oom.victim.cgroup":       semconv.ProcessLinuxCgroupKey,
}

// implied are fields that a record has elsewhere: in its own fields, or by another attribute.
var implied = []string{"time", "type", "oom.victim.pid"}

// attributes returns the fields of an event as attributes. The workload that the event is about has the names of semantic
// conventions, and so has its acting process.
func attributes(e *event.Event) []attribute.KeyValue {
	subject := e.Subject()
	list := workload(subject)
	walk("", reflect.ValueOf(e).Elem(), func(path string, v reflect.Value) bool {
		if slices.Contains(implied, path) {
			return true
		}
		if c, ok := v.Interface().(event.Container); ok && subject != nil && c.ID == subject.ID && !strings.HasSuffix(path, ".parent") {
			return true
		}
		if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]() {
			return false
		}
		key, ok := conventions[path]
		if !ok {
			key = attribute.Key(prefix + path)
		}
		list = append(list, attribute.KeyValue{Key: key, Value: value(v)})
		return true
	})
	return list
}

// walk calls visit for each field that is set below a struct, with its path in JSON. It goes into those for which visit returns false.
func walk(path string, v reflect.Value, visit func(path string, v reflect.Value) bool) {
	t := v.Type()
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		f := v.Field(i)
		switch {
		case name == "-" || name == "":
			continue
		case options == "omitempty" && (f.IsZero() || f.Kind() == reflect.Slice && f.Len() == 0), options == "omitzero" && f.IsZero():
			continue
		}
		if f.Kind() == reflect.Pointer {
			f = f.Elem()
		}
		below := name
		if path != "" {
			below = path + "." + name
		}
		if !visit(below, f) {
			walk(below, f, visit)
		}
	}
}

// value returns a value as the JSON has it, with the types of OTLP.
func value(v reflect.Value) attribute.Value {
	switch x := v.Interface().(type) {
	case time.Time:
		return attribute.StringValue(x.UTC().Format(time.RFC3339Nano))
	case event.NamespaceIDs:
		var ids []attribute.KeyValue
		for t, id := range x {
			if id != 0 {
				ids = append(ids, attribute.KeyValue{Key: attribute.Key(event.NamespaceType(t).String()), Value: unsigned(id)})
			}
		}
		return attribute.MapValue(ids...)
	case map[string]string: // labels
		var labels []attribute.KeyValue
		for _, key := range slices.Sorted(maps.Keys(x)) {
			labels = append(labels, attribute.String(valid(key), valid(x[key])))
		}
		return attribute.MapValue(labels...)
	case event.NamespaceType:
		return attribute.StringValue(x.String())
	}
	switch v.Kind() {
	case reflect.Bool:
		return attribute.BoolValue(v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return attribute.Int64Value(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return unsigned(v.Uint())
	case reflect.Float32, reflect.Float64:
		return attribute.Float64Value(v.Float())
	case reflect.Slice:
		items := make([]attribute.Value, v.Len())
		for i := range items {
			items[i] = value(v.Index(i))
		}
		return attribute.SliceValue(items...)
	case reflect.Struct:
		var fields []attribute.KeyValue
		walk("", v, func(path string, f reflect.Value) bool {
			fields = append(fields, attribute.KeyValue{Key: attribute.Key(path), Value: value(f)})
			return true
		})
		return attribute.MapValue(fields...)
	}
	return attribute.StringValue(valid(fmt.Sprint(v.Interface())))
}

// unsigned returns a number, as text if OTLP has no room for it.
func unsigned(n uint64) attribute.Value {
	if n > math.MaxInt64 {
		return attribute.StringValue(fmt.Sprint(n))
	}
	return attribute.Int64Value(int64(n))
}

// valid replaces what is no UTF-8, which OTLP cannot carry.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// workload returns the attributes of the workload that a record or a span is about; nil is the host.
func workload(c *event.Container) []attribute.KeyValue {
	if c == nil {
		return nil
	}
	list := []attribute.KeyValue{semconv.ContainerID(valid(c.ID))}
	add := func(key attribute.Key, v string) {
		if v != "" {
			list = append(list, key.String(valid(v)))
		}
	}
	add(semconv.ContainerNameKey, c.Name)
	name, tag := image(c.Image)
	add(semconv.ContainerImageNameKey, name)
	if tag != "" {
		list = append(list, semconv.ContainerImageTags(valid(tag)))
	}
	add(semconv.ContainerRuntimeNameKey, c.Runtime)
	add(prefix+"container.kind", string(c.Kind))
	if g := c.Group; g != nil {
		if g.Kind == event.GroupPod && g.Namespace != "" {
			add(semconv.K8SPodNameKey, g.Name)
			add(semconv.K8SNamespaceNameKey, g.Namespace)
			add(semconv.K8SContainerNameKey, g.Member)
		} else {
			add(prefix+"container.group.kind", string(g.Kind))
			add(prefix+"container.group.name", g.Name)
			add(prefix+"container.group.namespace", g.Namespace)
			add(prefix+"container.group.member", g.Member)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
		list = append(list, semconv.ContainerLabel(valid(key), valid(c.Labels[key])))
	}
	if p := c.Parent; p != nil {
		add(prefix+"container.parent.id", p.ID)
		add(prefix+"container.parent.name", p.Name)
	}
	return list
}

// image splits the reference of an image into its name and its tag. A digest belongs to neither.
func image(reference string) (name, tag string) {
	name, _, _ = strings.Cut(reference, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') && !strings.HasPrefix(name, "sha256:") {
		return name[:i], name[i+1:]
	}
	return name, ""
}
