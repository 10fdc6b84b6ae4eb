"""Numbers that the scripts here and the tests make alike."""


def numbers(state, n):
    values = []
    for _ in range(n):
        state[0] = (state[0] * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append(state[0] >> 40)
    return values
