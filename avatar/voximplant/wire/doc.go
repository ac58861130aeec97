// Package wire is the wire of Voximplant's avatars over gRPC. All but this file is generated from avatar.proto.
package wire

//go:generate go run github.com/bufbuild/buf/cmd/buf@v1.60.0 generate
