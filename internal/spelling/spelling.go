// Package spelling finds the word that was most likely meant.
package spelling

import (
	"strings"
	"unicode/utf8"
)

// Nearest returns the word that was most likely meant, or "" if none is near.
func Nearest(typed string, words []string) string {
	// A word of five letters may have two that are wrong.
	best, least := "", 1+(utf8.RuneCountInString(typed)+2)/3
	for _, w := range words {
		d := distance(strings.ToLower(typed), w)
		if len(typed) > 1 && strings.HasPrefix(w, typed) {
			d = 1
		}
		if d < least {
			best, least = w, d
		}
	}
	return best
}

// distance counts the letters that are to be inserted, removed, replaced or swapped with their neighbour to make b of a.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	// rows[i][j] is the distance between the first i letters of a and the first j of b.
	rows := make([][]int, len(from)+1)
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		for j := range rows[i] {
			switch {
			case i == 0 || j == 0:
				rows[i][j] = i + j
				continue
			case from[i-1] == to[j-1]:
				rows[i][j] = rows[i-1][j-1]
			default:
				rows[i][j] = 1 + min(rows[i-1][j], rows[i][j-1], rows[i-1][j-1])
			}
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				rows[i][j] = min(rows[i][j], 1+rows[i-2][j-2])
			}
		}
	}
	return rows[len(from)][len(to)]
}
