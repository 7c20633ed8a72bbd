// Package config reads and changes files of settings in YAML.
package config
