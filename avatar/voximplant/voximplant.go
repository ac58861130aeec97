// Package voximplant lets an avatar of Voximplant's play an avatar.
package voximplant
