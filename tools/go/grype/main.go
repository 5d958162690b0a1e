// grype as it is, and one command more: a database out of advisories that a test has made, by grype's own builder.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/OneOfOne/xxhash"
	"github.com/anchore/clio"
	"github.com/anchore/grype/cmd/grype/cli"
	"github.com/anchore/grype/grype/db"
	"github.com/anchore/grype/grype/db/provider"
)

func main() {
	if len(os.Args) == 4 && os.Args[1] == "make-database" {
		if err := makeDatabase(os.Args[2], os.Args[3]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	cli.Application(clio.Identification{Name: "grype", Version: "0.121.2"}).Run()
}

// makeDatabase reads source/<provider>/results/*.json, in the form that anchore's vunnel writes, and makes target/vulnerability.db.
func makeDatabase(source, target string) error {
	folders, err := os.ReadDir(source)
	if err != nil {
		return err
	}
	var states provider.States
	for _, folder := range folders {
		state, err := describe(filepath.Join(source, folder.Name()), folder.Name())
		if err != nil {
			return err
		}
		states = append(states, *state)
	}
	return db.Build(db.BuildConfig{
		SchemaVersion: db.DefaultSchemaVersion,
		Directory:     target,
		States:        states,
		Timestamp:     time.Now(),
		Hydrate:       true,
	})
}

// describe writes what the builder wants to know of a provider's folder: the hash of each file, and where they come from.
func describe(folder, name string) (*provider.State, error) {
	files, err := filepath.Glob(filepath.Join(folder, "results", "*.json"))
	if err != nil {
		return nil, err
	}
	var listing bytes.Buffer
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&listing, "%016x  %s\n", xxhash.Checksum64(content), filepath.Join("results", filepath.Base(file)))
	}
	state, err := json.Marshal(map[string]any{
		"provider":  name,
		"version":   1,
		"store":     "flat-file",
		"timestamp": time.Now(),
		"listing":   map[string]string{"path": "checksums", "algorithm": "xxh64", "digest": fmt.Sprintf("%016x", xxhash.Checksum64(listing.Bytes()))},
		"schema":    map[string]string{"version": "1.0.3", "url": "https://example.org/provider-workspace-state/schema-1.0.3.json"},
	})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, "checksums"), listing.Bytes(), 0o600); err != nil {
		return nil, err
	}
	location := filepath.Join(folder, "metadata.json")
	if err := os.WriteFile(location, state, 0o600); err != nil {
		return nil, err
	}
	return provider.ReadState(location)
}
