"""What Keryx costs: ``make bench`` measures it row by row; ``docs/performance.md`` says what came out and what it means."""
