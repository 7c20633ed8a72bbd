package grafana

import "net/url"

// runbooks is where the pages of the alerts are; the rules have the same address in runbook_url.
const runbooks = "https://github.com/nsviz/nsviz/blob/main/docs/runbooks/"

const (
	fleetUID    = "nsviz-fleet"
	hostUID     = "nsviz"
	workloadUID = "nsviz-workload"
	// kept goes on to the next dashboard: the data source and the time shown.
	kept = "${datasource:queryparam}&${__url_time_range}"
)

func leadsTo(title, address string) link {
	return link{Title: title, Type: "link", Icon: "external link", Tooltip: "", URL: address, Tags: []string{}}
}

// toHost leads from what has a label instance to its host.
func toHost(instance string) link {
	return leadsTo("Host "+instance, "/d/"+hostUID+"?var-instance="+instance+"&"+kept)
}

// toWorkload leads from what has the labels instance and container to that workload.
func toWorkload(instance, container string) link {
	return leadsTo("Workload "+container, "/d/"+workloadUID+"?var-instance="+instance+"&var-container="+container+"&"+kept)
}

const (
	itsInstance  = "${__field.labels.instance}"
	itsContainer = "${__field.labels.container}"
	rowInstance  = "${__data.fields.instance}"
	rowContainer = "${__data.fields.container}"
)

// each adds a link to every point or bar of the panel.
func (p *panel) each(l link) *panel {
	p.FieldConfig.Defaults.Links = append(p.FieldConfig.Defaults.Links, l)
	return p
}

// column adds a link to the cells of a column.
func (p *panel) column(name string, l link) *panel {
	return p.field(name, property{"links", []link{l}})
}

// next adds the panel's own links: to the next dashboard, and to the alerts about the same.
func (p *panel) next(alerts ...string) *panel {
	if len(alerts) == 0 {
		p.Links = append(p.Links, leadsTo("Alerts of nsviz", "/alerting/list?search=Nsviz"))
	}
	for _, alert := range alerts {
		p.Links = append(p.Links,
			leadsTo("Alert "+alert, "/alerting/list?search="+url.QueryEscape("rule:"+alert)),
			leadsTo("What to do about "+alert, runbooks+alert+".md"))
	}
	return p
}

// onward adds to each panel a link to another dashboard, with what is chosen.
func (b *board) onward(title, uid string, variables ...string) {
	query := kept
	for _, v := range variables {
		query += "&${" + v + ":queryparam}"
	}
	for _, p := range b.Panels {
		if p.Type != "row" {
			p.Links = append([]link{leadsTo(title, "/d/"+uid+"?"+query)}, p.Links...)
		}
	}
}

// alertsTable lists what fires, each with the way to its page.
func alertsTable(matchers string, width int) *panel {
	return table("Alerts that fire", "What the rules of nsviz say now. Each alert leads to its page: what it means, what to look at, how to mend it.", width, 7).
		row(`ALERTS{alertname=~"Nsviz.+", alertstate="firing", `+matchers+`}`).
		columns("alertname=alert", "severity", "instance", "container", "type", "reason", "scope").
		column("alert", leadsTo("What to do about ${__value.text}", runbooks+"${__value.text}.md")).
		column("instance", toHost(rowInstance)).
		column("container", toWorkload(rowInstance, rowContainer)).
		field("severity", property{"custom.cellOptions", map[string]any{"type": "color-text"}},
			property{"mappings", []mapping{texts("critical", "critical", "red", "warning", "warning", "orange", "info", "info", "blue")}}).
		noValue("none").next()
}
