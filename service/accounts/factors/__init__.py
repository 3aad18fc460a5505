"""What proves who somebody is beside the password, what is kept between two steps, and the proof asked for again."""
