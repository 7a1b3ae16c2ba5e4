"""One module for each section: `measure(context, results)`."""
