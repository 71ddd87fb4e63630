"""The comparisons of the thesis and the papers; nothing else imports them."""
