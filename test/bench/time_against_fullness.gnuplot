# Columns: per cent taken; milliseconds of each way in the order of fullness.sh.
set terminal svg size 860,500 font 'DejaVu Sans,Helvetica,Arial,sans-serif,13' background '#ffffff' dynamic
set title 'First free address of a range that fills up from its start'
set xlabel 'addresses taken, %'
set ylabel 'milliseconds'
set logscale y
set format y '%g'
set xrange [0:100]
set xtics 10
set grid xtics ytics linecolor '#dddddd' linewidth 1
set border 3 linecolor '#888888'
set tics nomirror
set key outside right center vertical Left reverse samplen 2 spacing 1.3
set pointsize 0.6
set datafile missing 'NaN'
plot 'fullness.dat' using 1:8 with linespoints linecolor '#999999' pointtype 4 title 'literal loop', \
     ''             using 1:7 with linespoints linecolor '#8c564b' pointtype 6 title 'loose scan', \
     ''             using 1:6 with linespoints linecolor '#2ca02c' pointtype 8 title 'anti-join', \
     ''             using 1:5 with linespoints linecolor '#ff7f0e' pointtype 10 title 'ordered loop', \
     ''             using 1:4 with linespoints linecolor '#1f77b4' pointtype 12 title 'lead()', \
     ''             using 1:3 with linespoints linecolor '#d62728' dashtype 2 pointtype 5 title 'ipam, no occupancy', \
     ''             using 1:2 with linespoints linecolor '#d62728' linewidth 2.5 pointtype 7 title 'ipam'
