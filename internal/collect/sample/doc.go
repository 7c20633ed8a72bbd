// Package sample reads what live containers use.
package sample
