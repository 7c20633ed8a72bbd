// Package metricstest makes snapshots for tests of what serves metrics.
package metricstest
