package grafana

import (
	"fmt"
	"strings"
)

// prometheus is the data source that the variable of that name chooses.
func prometheus() source { return source{"prometheus", "${datasource}"} }

func newPanel(kind, title, description string, width, height int) *panel {
	datasource := prometheus()
	return &panel{
		Type: kind, Title: title, Description: description, GridPos: position{W: width, H: height}, Datasource: &datasource,
		FieldConfig: &fieldConfig{Overrides: []fieldOverride{}},
	}
}

// stat is one number, of one moment.
func stat(title, description, unit string) *panel {
	p := newPanel("stat", title, description, 4, 4)
	p.FieldConfig.Defaults = fieldDefaults{Unit: unit, Color: map[string]any{"mode": "thresholds"}}
	p.Options = map[string]any{
		"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": "auto", "wideLayout": true,
		"showPercentChange": false, "percentChangeColorMode": "standard",
		"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
	}
	return p.colors("blue")
}

// bars counts within each interval; what happened at the same time is stacked.
func bars(title, description string, width, height int) *panel {
	return timeSeries(title, description, "short", width, height).whole().
		custom("drawStyle", "bars").custom("fillOpacity", 70).custom("stacking", map[string]any{"mode": "normal", "group": "A"})
}

// lines draws values over time.
func lines(title, description, unit string, width, height int) *panel {
	return timeSeries(title, description, unit, width, height)
}

func timeSeries(title, description, unit string, width, height int) *panel {
	p := newPanel("timeseries", title, description, width, height)
	p.FieldConfig.Defaults = fieldDefaults{
		Unit: unit, Min: number(0), Color: map[string]any{"mode": "palette-classic"},
		Custom: map[string]any{
			"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never", "spanNulls": false,
			"stacking": map[string]any{"mode": "none", "group": "A"},
		},
	}
	p.Options = map[string]any{
		"legend":  map[string]any{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": map[string]any{"mode": "multi", "sort": "desc"},
	}
	return p
}

// table has a row for each series of the moment.
func table(title, description string, width, height int) *panel {
	p := newPanel("table", title, description, width, height)
	p.FieldConfig.Defaults.Custom = map[string]any{"align": "left", "cellOptions": map[string]any{"type": "auto"}, "filterable": true, "inspect": false}
	p.Options = map[string]any{"showHeader": true, "cellHeight": "sm", "frameIndex": 0}
	return p
}

// columns orders the columns of a table, renames those with an = in them, and hides what is of no use to a reader.
func (p *panel) columns(names ...string) *panel {
	hidden := map[string]any{"Time": true, "__name__": true, "job": true, "Value": true}
	order, renamed := map[string]any{}, map[string]any{}
	for i, name := range names {
		from, to, is := strings.Cut(name, "=")
		if is {
			renamed[from] = to
		}
		order[from] = i
		delete(hidden, from)
	}
	p.Transformations = append(p.Transformations, transformation{"organize", map[string]any{
		"excludeByName": hidden, "indexByName": order, "renameByName": renamed,
	}})
	return p
}

// merged makes one row of what several queries say of the same labels.
func (p *panel) merged() *panel {
	p.Transformations = append([]transformation{{"merge", map[string]any{}}}, p.Transformations...)
	return p
}

func (p *panel) sortedBy(column string) *panel {
	p.Options["sortBy"] = []any{map[string]any{"displayName": column, "desc": true}}
	return p
}

func number(n float64) *float64 { return &n }

// colors sets the color from the beginning, and others from values on.
func (p *panel) colors(base string, more ...any) *panel {
	steps := []step{{base, nil}}
	for i := 0; i < len(more); i += 2 {
		value, _ := more[i].(float64)
		color, _ := more[i+1].(string)
		steps = append(steps, step{color, number(value)})
	}
	p.FieldConfig.Defaults.Thresholds = &thresholds{"absolute", steps}
	return p
}

func (p *panel) custom(key string, value any) *panel {
	p.FieldConfig.Defaults.Custom[key] = value
	return p
}

func (p *panel) option(key string, value any) *panel {
	p.Options[key] = value
	return p
}

// whole shows no fractions: increase() extrapolates, and there is no half of a kill.
func (p *panel) whole() *panel {
	p.FieldConfig.Defaults.Decimals = new(int)
	return p
}

func (p *panel) most(n float64) *panel {
	p.FieldConfig.Defaults.Max = number(n)
	return p
}

func (p *panel) noValue(text string) *panel {
	p.FieldConfig.Defaults.NoValue = text
	return p
}

// texts shows values as words in a color: value, text, color, and so on.
func (p *panel) texts(of ...string) *panel {
	p.FieldConfig.Defaults.Mappings = []mapping{texts(of...)}
	return p
}

func texts(of ...string) mapping {
	options := map[string]any{}
	for i := 0; i < len(of); i += 3 {
		options[of[i]] = map[string]any{"index": i / 3, "text": of[i+1], "color": of[i+2]}
	}
	return mapping{"value", options}
}

// field changes how one field of the answer is shown.
func (p *panel) field(name string, properties ...property) *panel {
	return p.override("byName", name, properties...)
}

func (p *panel) override(by, what string, properties ...property) *panel {
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, fieldOverride{matcher{by, what}, properties})
	return p
}

func (p *panel) target(expr, legend string) *target {
	p.Targets = append(p.Targets, target{
		RefID: string(rune('A' + len(p.Targets))), Datasource: prometheus(), EditorMode: "code",
		Expr: expr, Legend: legend, Format: "time_series",
	})
	return &p.Targets[len(p.Targets)-1]
}

// over asks for the whole range shown, now for its end, and row for its end as the rows of a table.
func (p *panel) over(expr, legend string) *panel {
	p.target(expr, legend).Range = true
	return p
}

func (p *panel) now(expr string) *panel {
	p.target(expr, "__auto").Instant = true
	return p
}

func (p *panel) row(expr string) *panel {
	t := p.target(expr, "__auto")
	t.Instant, t.Format = true, "table"
	return p
}

// kills is over, with the exemplars that lead from a point to the kill's id, for `nsviz why`.
func (p *panel) kills(expr, legend string) *panel {
	t := p.target(expr, legend)
	t.Range, t.Exemplar = true, true
	return p
}

// section is a row of the dashboard with its panels, which flow from left to right and then down.
func (b *board) section(title string, panels ...*panel) {
	x, y, height := 0, b.bottom(), 0
	open := false
	b.add(&panel{Type: "row", Title: title, Collapsed: &open, Panels: []*panel{}, GridPos: position{0, y, 24, 1}})
	y++
	for _, p := range panels {
		if x+p.GridPos.W > 24 {
			x, y, height = 0, y+height, 0
		}
		p.GridPos.X, p.GridPos.Y = x, y
		x += p.GridPos.W
		height = max(height, p.GridPos.H)
		b.add(p)
	}
}

func (b *board) add(p *panel) {
	p.ID = len(b.Panels) + 1
	b.Panels = append(b.Panels, p)
}

func (b *board) bottom() int {
	bottom := 0
	for _, p := range b.Panels {
		bottom = max(bottom, p.GridPos.Y+p.GridPos.H)
	}
	return bottom
}

// counted adds up what a counter counted within a window, by labels. A counter that was not there a window ago counts with its whole value, since
// its container may have lived between two scrapes; but not if nsviz was not scraped then either: that value is history.
func counted(by, metric, matchers, window string) string {
	m := metric + "{" + matchers + "}"
	watched := "nsviz_build_info{" + host + "} offset " + window
	if window == "$__range" { // Grafana gives its length in seconds, which an nsviz that is younger is recognised by
		watched = "(" + watched + " or on (job, instance) process_start_time_seconds{" + host + "} > time() - $__range_s)"
	}
	return fmt.Sprintf(`sum by (%s) (((%s unless %s offset %s) and on (job, instance) %s) or increase(%s[%s]))`,
		by, m, m, window, watched, m, window)
}

const (
	window = "$__rate_interval"
	host   = `instance=~"$instance"`
	// chosen are the workloads that the variables choose, ended ones included.
	chosen = host + `, container=~"$container"`
	// outside are those that no workload has: the host's own, and what was gone before it could be looked up.
	outside = host + `, container=~"|\\(unknown\\)"`
)
