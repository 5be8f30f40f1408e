"""What recorded runs say: statistics over seeds, tables, figures and the page of results. Nothing here trains."""
