"""Makes the DSKILL-MIX(k) datasets: catalogue -> combinations -> generate, revise, screen, grade, select -> folder."""
