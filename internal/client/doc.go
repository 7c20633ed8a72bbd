// Package client asks an nsviz that is running, or a recording, for a report on what happened.
//
//	answer, err := client.Ask(ctx, client.Source{From: client.DefaultFrom}, client.WhyContainer("web"))
package client
