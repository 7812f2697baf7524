# Columns: clients; allocations/s of each way in the order of allocation.sh.
set terminal svg size 1000,440 noenhanced font 'DejaVu Sans,Helvetica,Arial,sans-serif,13' background '#ffffff' dynamic
set multiplot
set logscale x 2
set logscale y 10
set xrange [0.8:20]
set yrange [50:100000]
set xtics (1, 2, 4, 8, 16)
set format y '%.0f'
set grid xtics ytics linecolor '#dddddd' linewidth 1
set border 3 linecolor '#888888'
set tics nomirror
set xlabel 'clients'
set pointsize 0.6
set tmargin at screen 0.90
set bmargin at screen 0.16
set key at screen 0.715, 0.53 left center vertical Left reverse samplen 2 spacing 1.4

do for [panel = 1:2] {
    commit = word('on off', panel)
    file = 'allocations_'.commit.'.dat'
    set title 'synchronous_commit = '.commit
    set lmargin at screen 0.09 + (panel - 1) * 0.33
    set rmargin at screen 0.36 + (panel - 1) * 0.33
    if (panel == 1) { set ylabel 'allocations per second' } else { unset ylabel; unset key }
    plot file using 1:2 with linespoints linecolor '#555555' dashtype 2 pointtype 4 title 'INSERT of a known address', \
         ''   using 1:3 with linespoints linecolor '#d62728' linewidth 2.5 pointtype 7 title 'ipam', \
         ''   using 1:7 with linespoints linecolor '#2ca02c' pointtype 8 title 'pool of rows, SKIP LOCKED', \
         ''   using 1:6 with linespoints linecolor '#ff7f0e' pointtype 10 title 'retry on unique violation', \
         ''   using 1:5 with linespoints linecolor '#1f77b4' pointtype 12 title 'lock on the range row'
}
unset multiplot
